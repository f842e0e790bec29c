# shellcheck shell=sh
# Source this before mpirun on a machine of one's own:  . jobs/mpi-env.sh
# It lets Open MPI run as root, as one is in a container, and with more ranks than cores. What is set already stays as it is.
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
# Under a batch system, where ranks are placed and bound is for the job to say.
if [ -z "${SLURM_JOB_ID:-}${PBS_JOBID:-}${LSB_JOBID:-}" ]; then
    export OMPI_MCA_rmaps_base_oversubscribe="${OMPI_MCA_rmaps_base_oversubscribe:-1}"
    # a bound rank would have all its threads on one core
    export OMPI_MCA_hwloc_base_binding_policy="${OMPI_MCA_hwloc_base_binding_policy:-none}"
    # a rank that waits lets those that share its core work
    export OMPI_MCA_mpi_yield_when_idle="${OMPI_MCA_mpi_yield_when_idle:-1}"
fi
