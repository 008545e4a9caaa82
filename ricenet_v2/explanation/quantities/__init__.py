"""Maps in numbers: shares by isodose band, lesion, ring and channel, against shifted maps."""
