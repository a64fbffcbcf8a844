"""Draw the plane through three images."""

from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import polyregions as pr

X, y = load_digits(return_X_y=True)  # 64 pixels
model = MLPClassifier(hidden_layer_sizes=(32, 32), max_iter=500, random_state=0)
model.fit(X / 16, y)

# loaded
net = pr.from_sklearn(model, name="digits")
plane = pr.Plane.through(*X[:3] / 16, names=["zero", "one", "two"])
regions = pr.enumerate_regions(plane.restrict(net), plane.domain)
print(regions)
axes = pr.plot_cells(regions, color="class", plane=plane)
pr.save_figure(axes, "plane.png", dpi=80)
