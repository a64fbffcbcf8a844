"""Train a classifier, and colour the regions with the true decision boundary."""

from sklearn.datasets import make_moons
from sklearn.neural_network import MLPClassifier

import polyregions as pr

X, y = make_moons(300, noise=0.15, random_state=0)
model = MLPClassifier(hidden_layer_sizes=(16, 16), max_iter=2000, random_state=0)
model.fit(X, y)

# loaded
net = pr.from_sklearn(model, name="moons")
regions = pr.enumerate_regions(net, pr.Box([-1.5, -1.0], [2.5, 1.5]))
print(regions)
axes = pr.plot_cells(regions, color="class")
pr.plot_points(regions, X, axes, classes=y)
pr.save_figure(axes, "classes.png", dpi=80)
