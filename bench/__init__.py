"""What `make bench` runs: what requests cost, against floors that are measured in the same run."""
