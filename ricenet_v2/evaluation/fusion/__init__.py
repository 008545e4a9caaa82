"""Late fusion: a regression on the log odds of a network and the covariates of patients."""
