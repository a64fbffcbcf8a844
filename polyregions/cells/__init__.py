"""Cells: which rows of a polytope carry a facet, and on which side of it a hyperplane passes.

The polytope is {u : normals @ u + offsets >= 0}, bounded and of full dimension. Answers are
"yes", "no" or undecided (:class:`polyregions.exact.facets.Verdict`); what floats with rounding
bounds leave undecided goes to the next module of this ladder:

========================= ========================================================
module                    what it decides
========================= ========================================================
``cells.polygon``         facets in the plane, by a walk around the corners
``cells.vertices``        facets in any dimension, by pivots from vertex to vertex
``cells.many_polytopes``  the same of many polytopes in turn, and all their corners
``cells.in_cube``         facets with many inputs, by programs with bounded variables
``cells.degenerate``      facets where rows meet in more than a vertex
``cells.row_side``        the side of a hyperplane that a polytope is on
``cells.integer_polygon`` facets in the plane, in compiled integers
``cells.near_ties``       facets in integers, of those rows that floats leave open
``exact.facets``          facets, in integers: never undecided
========================= ========================================================

All stand on ``cells.dictionary`` (a table of the simplex method and its error radii),
``cells.proofs`` (one-sided and redundant rows, proven by multipliers) and
``cells.degeneracy`` (which rows meet exactly).
"""
