"""The network as a piecewise-affine function, written for other programs: JSON, MATLAB, C."""
