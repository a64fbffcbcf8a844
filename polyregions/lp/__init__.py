"""One question, several answerers: which rows of a polytope carry a facet.

The polytope is {x : normals @ x + offsets >= 0}, bounded and of full dimension.
Every answerer is a module with the same two functions, set-up split from answer:

* ``prepare(normals, offsets) -> Prepared``
* ``facets(prepared) -> FacetVerdicts``

======================== ================================ ==========================
module                   arithmetic                       what it is for
======================== ================================ ==========================
``lp.dictionary``        floats with rounding bounds      the walk: fast, may abstain
``lp.rational``          integers (python-flint)          fallback and oracle: never abstains
``lp.reference``         floats (scipy, cvxpy)            slow and obvious: tests, benchmarks
======================== ================================ ==========================

An answer has three values (:class:`polyregions.lp.verdict.Verdict`). What one
answerer leaves ``UNDECIDED`` goes to ``lp.rational``.
"""
