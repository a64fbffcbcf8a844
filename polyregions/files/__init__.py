"""Files on disk, whole or not at all: what every format of results stands on."""
