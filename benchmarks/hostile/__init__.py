"""The attack on the program: what is spoilt, killed and exchanged, and whether it holds."""
