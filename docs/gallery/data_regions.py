"""Find the regions that hold the data, and how much each holds."""

from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

import polyregions as pr

X, y = load_iris(return_X_y=True)
X = X[:, 2:]  # length and width of the petals
model = MLPClassifier(hidden_layer_sizes=(12, 12), max_iter=3000, random_state=0)
model.fit(X, y)

# loaded
net = pr.from_sklearn(model, name="iris")
regions = pr.enumerate_regions(net, pr.Box([0.0, 0.0], [8.0, 3.0]))
counts = regions.counts(X)
holding = regions[counts > 0]
print(f"{len(holding)} of {len(regions)} regions hold all {counts.sum()} flowers")
print("numbers of those of the first three:", regions.find(X[:3]))
axes = pr.plot_cells(holding, color="class", labels=["petal length / cm", "petal width / cm"])
pr.plot_points(holding, X, axes, classes=y)
pr.save_figure(axes, "data_regions.png", dpi=80)
