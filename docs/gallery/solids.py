"""Look at a network of three inputs: a picture, and a page to turn it in."""

from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

import polyregions as pr

flowers = load_iris()
X, y, names = flowers.data[:, 1:], flowers.target, flowers.feature_names[1:]
model = MLPClassifier(hidden_layer_sizes=(8, 8), max_iter=3000, random_state=0)
model.fit(X, y)
species = list(flowers.target_names)

# loaded
net = pr.from_sklearn(model, name="iris")
regions = pr.enumerate_regions(net, pr.Box(X.min(axis=0), X.max(axis=0)))
print(regions)
axes = pr.plot_solids(regions, color="class", labels=names)
pr.save_figure(axes, "solids.png", dpi=80)
pr.write_page(regions, "solids.html", color="class", labels=names, class_names=species)
