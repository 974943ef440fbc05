"""B2 and B3: training jobs by Gavel's measured throughputs, makespan, completion times and fairness."""
