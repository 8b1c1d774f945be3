"""The version of this program, written once."""

VERSION = "0.1.0"
