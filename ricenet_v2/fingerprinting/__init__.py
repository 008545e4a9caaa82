"""Looking at a raw dataset: is it whole, and what is in it? Decides and changes nothing."""
