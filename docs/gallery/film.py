"""Film a training: a page with a slider, and its frames."""

from matplotlib import pyplot as plt
from sklearn.datasets import make_moons
from sklearn.neural_network import MLPClassifier

import polyregions as pr

X, y = make_moons(300, noise=0.15, random_state=0)
moons = ["upper moon", "lower moon"]
model = MLPClassifier(hidden_layer_sizes=(12, 12), random_state=0)
nets = []
for epoch in range(1, 481):
    model.partial_fit(X, y, classes=[0, 1])
    if epoch in {1, 20, 60, 120, 240, 480}:
        nets.append(pr.from_sklearn(model, name=f"epoch {epoch}"))

# loaded
frames = [pr.enumerate_regions(net, pr.Box([-1.5, -1.0], [2.5, 1.5])) for net in nets]
pr.write_page(
    frames, "film.html", color="class", points=X, classes=y, class_names=moons, title="Training"
)
figure, axes = plt.subplots(3, 2, figsize=(8, 7.2), layout="constrained")
for frame, each in zip(frames, axes.flat, strict=True):
    pr.plot_cells(frame, each, color="class")
    pr.plot_points(frame, X, each, classes=y)
pr.save_figure(figure, "film.png", dpi=80)
