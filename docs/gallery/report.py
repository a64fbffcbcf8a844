"""Report what a model of scikit-learn does to its data, region by region."""

from sklearn.datasets import load_diabetes
from sklearn.neural_network import MLPRegressor

import polyregions as pr

X, y = load_diabetes(return_X_y=True)
X = X[:, 2:4]  # body mass index and blood pressure, centred
options = {"solver": "lbfgs", "alpha": 10.0, "max_iter": 2000, "random_state": 0}
model = MLPRegressor(hidden_layer_sizes=(8, 8), **options)
model.fit(X, y)
columns = ["region", "count", "response_mean", "local_mse", "dy0_dx0", "dy0_dx1"]

# loaded
net = pr.from_sklearn(model, name="diabetes")
regions = pr.enumerate_regions(net, pr.Box.cube(2, 0.2))
report = regions.report(X, y)
print(report)
for name in columns:
    print(f"{name:13}", *(f"{value:8.5g}" for value in report.regions[name]))
axes = pr.plot_cells(regions, color="output", labels=["body mass index", "blood pressure"])
pr.plot_points(regions, X, axes)
pr.save_figure(axes, "report.png", dpi=80)
