"""Every command as a function: options go in as records, records come out, nothing is printed."""
