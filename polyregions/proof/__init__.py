"""Proofs that a stranger can replay: the certificate's writer, and its independent checker."""
