"""Report what a model of scikit-learn does to its data, region by region."""

from sklearn.datasets import load_diabetes
from sklearn.neural_network import MLPRegressor

import polyregions as pr

X, y = load_diabetes(return_X_y=True)
X = X[:, 2:4]  # body mass index and blood pressure, centred
model = MLPRegressor(hidden_layer_sizes=(8, 8), solver="lbfgs", max_iter=2000, random_state=0)
model.alpha = 10.0
model.fit(X, y)

# loaded
regions = pr.enumerate_regions(pr.from_sklearn(model, name="diabetes"), pr.Box.cube(2, 0.2))
report = regions.report(X, y)
print(report)
columns = ["region", "count", "response_mean", "local_mse", "dy0_dx0", "dy0_dx1"]
print(report.regions[columns][:8])
axes = pr.plot_cells(regions, color="output", labels=["body mass index", "blood pressure"])
pr.plot_points(regions, X, axes)
pr.save_figure(axes, "report.png", dpi=80)
