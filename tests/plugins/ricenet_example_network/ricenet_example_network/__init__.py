"""A small plain convolutional network for ricenet_v2."""

from ricenet_v2.plugins import ArchitectureSpecification

PLAIN_CNN = ArchitectureSpecification(
    label="3D plain CNN",
    build="ricenet_example_network.network:build",  # torch is imported when it is built
    block="convolution",
    first_convolution="stem.0.weight",
    settings={"slope": 0.1},
)
