"""Operators of exported programs, one by one, against torch in double precision."""

import numpy as np
import pytest
from oracles import brute_force

import polyregions as pr
from polyregions.errors import PolyregionsError
from polyregions.io import JoinedOutputsWarning, from_torch

torch = pytest.importorskip("torch", reason="the extra torch is not installed")
nn = torch.nn
F = nn.functional


class Heads(nn.Module):
    """Many functions of the values of one layer, each an output of its own."""

    def __init__(self, shape, *functions):
        super().__init__()
        torch.manual_seed(5)
        self.shape, self.functions = shape, functions
        self.first = nn.Linear(4, int(np.prod(shape)))
        self.register_buffer("w", torch.randn(3, 6))
        self.register_buffer("stack", torch.randn(2, 3, 4))
        self.register_buffer("mask", torch.tensor([True, False, True, True, False, False]))
        self.register_buffer("filters", torch.randn(2, 2, 3, 3))
        self.register_buffer("even", torch.tensor([[2.0, -1.0, 0.5], [4.0, 8.0, -3.0]]))

    def forward(self, x):
        y = F.leaky_relu(self.first(x), 0.5).reshape(-1, *self.shape)
        return [f(self, y) for f in self.functions]


FLAT = (6,)
PLANE = (2, 4, 4)
GROUPS = {
    "extremes": (
        FLAT,
        lambda m, y: y.max(1).values,
        lambda m, y: y.max(dim=1, keepdim=True)[0] + y,
        lambda m, y: y.min(1).values,
        lambda m, y: y.amin(1),
        lambda m, y: y.amax((0, 1)),
        lambda m, y: y.max() + y.min(),
        lambda m, y: torch.maximum(y[:, :3], y[:, 3:]),
        lambda m, y: torch.min(y, m.w[0]),
        lambda m, y: torch.max(*y.chunk(2, dim=1)),
        lambda m, y: torch.clamp(y, m.w[0] - 10, m.w[1].abs()),
        lambda m, y: y.clamp(min=y[:, :1], max=y[:, 1:2]),
    ),
    "sorting": (
        FLAT,
        lambda m, y: y.view(-1, 3, 2).sort(dim=-1).values,
        lambda m, y: y.sort(1)[0],
        lambda m, y: y[:, :5].sort(dim=1, descending=True).values,
        lambda m, y: torch.cat(
            [torch.max(y[:, ::2], y[:, 1::2]), torch.min(y[:, ::2], y[:, 1::2])], 1
        ),
        lambda m, y: torch.linalg.vector_norm(y, 1, dim=1),
        lambda m, y: torch.linalg.vector_norm(y, float("inf"), dim=1, keepdim=True),
    ),
    "choices": (
        FLAT,
        lambda m, y: torch.where(y > 0, y, 0.1 * y),
        lambda m, y: torch.where(y > 0, y, torch.zeros_like(y)),
        lambda m, y: torch.where(y <= 0.5, 0.5, y),
        lambda m, y: torch.where(y < 0, -y, y),
        lambda m, y: torch.where(y[:, :3] > y[:, 3:], y[:, :3], y[:, 3:]),
        lambda m, y: torch.where(y >= 0, y + y.sum(), y.sum()),
        lambda m, y: torch.where(m.mask, y, -1.0),
        lambda m, y: y * (y > 0),
        lambda m, y: y * (y > 0).float() - (~(y > 0)) * y,
        lambda m, y: y.masked_fill(y < 0, 0.0),
        lambda m, y: y.masked_fill(m.mask, 2.0),
        lambda m, y: torch.where(m.w[0] > 0, y, 2 * y),
    ),
    "units": (
        FLAT,
        lambda m, y: F.hardtanh(y, -0.5, 0.25),
        lambda m, y: F.threshold(y, 0.25, 0.25),
        lambda m, y: F.softshrink(y, 0.25),
        lambda m, y: F.hardshrink(y, 0.0),
        lambda m, y: F.hardsigmoid(4 * y),
        lambda m, y: F.relu6(3 * y),
        lambda m, y: F.leaky_relu(y, 0.2),
        lambda m, y: F.rrelu(y, 0.1, 0.4),
        lambda m, y: F.relu(y.clone(), inplace=True),
        lambda m, y: y.abs(),
        lambda m, y: y.clone().clamp_(-0.25, 0.5),
    ),
    "constants": (
        FLAT,
        lambda m, y: y @ m.w.abs().T,
        lambda m, y: F.linear(y, -m.w, m.w.new_ones(3)),
        lambda m, y: y @ m.w.t() + torch.full((3,), 0.5),
        lambda m, y: y + torch.zeros_like(y) - torch.ones_like(y),
        lambda m, y: y * torch.arange(6) + torch.eye(6)[2],
        lambda m, y: y @ torch.cat([m.w, m.w.relu()]).T,
        lambda m, y: y @ (m.w * 0.5).T,
        lambda m, y: y[:, :3] @ m.even.T,
        lambda m, y: y[:, :2] @ (m.even @ m.even.T),
        lambda m, y: y[:, :3] * m.even.sum(0) - m.even.mean(dim=0) / 0.25,
        lambda m, y: y * m.w.amax(0) + m.w.max(dim=0).values.clamp(0, 1),
        lambda m, y: y @ torch.tril(m.w.repeat(2, 1)).T,
        lambda m, y: torch.add(y, m.w[0], alpha=2) + y.new_ones(6),
        lambda m, y: torch.rsub(y, 1.0) + m.mask,
        lambda m, y: m.mask * y + torch.full((6,), True),
        lambda m, y: torch.where(m.mask, m.w[0], 0.0) + y,
        lambda m, y: torch.tensor(0.5) * y - (torch.tensor(2.0) * 3) + torch.tensor(1).neg(),
    ),
    "products": (
        (2, 3),
        lambda m, y: torch.einsum("bij,jk->bik", y, m.w),
        lambda m, y: torch.einsum("kj,...ij->...ki", m.w[:2, :3], y),
        lambda m, y: torch.einsum("bij->bj", y),
        lambda m, y: torch.einsum("bij,j", y, m.w[0, :3]),
        lambda m, y: y[0].unsqueeze(1) @ m.stack,
        lambda m, y: torch.bmm(y.transpose(0, 1), m.stack),
        lambda m, y: m.stack.mT @ y[0].unsqueeze(-1),
        lambda m, y: torch.addmm(m.w[0, :4], y[0], m.stack[0], beta=2, alpha=0.5),
        lambda m, y: m.w[:, :3] @ y[0, 0],
        lambda m, y: torch.mv(m.w[:, :2], y[0, :, 1]),
        lambda m, y: torch.dot(y[0, 0], m.w[0, :3]),
    ),
    "moves": (
        (2, 3),
        lambda m, y: y.repeat(1, 2, 1),
        lambda m, y: y.tile(2, 1),
        lambda m, y: y.repeat_interleave(3, dim=2),
        lambda m, y: y.flip(1, 2),
        lambda m, y: y.roll(1, 2) + y.roll(2).mT.reshape(-1, 2, 3),
        lambda m, y: y.movedim(1, 2),
        lambda m, y: torch.stack(y.unbind(1)) + y.narrow(2, 0, 1).transpose(0, 1),
        lambda m, y: y[:, [1, 0]][..., [0, 2]],
        lambda m, y: y[:, :, m.mask[:3]],
        lambda m, y: y.expand_as(torch.zeros(4, 2, 3)),
        lambda m, y: y.double().swapaxes(1, 2).flatten(),
        lambda m, y: y.mean(2) + y.mean((1, 2)) * 4,
    ),
    "windows": (
        PLANE,
        lambda m, y: F.conv_transpose2d(y, m.filters, stride=2, padding=1, output_padding=1),
        lambda m, y: F.conv_transpose2d(y, m.filters[:, :1], groups=2, dilation=2),
        lambda m, y: F.conv_transpose2d(y, m.filters, m.even[0, :2]),
        lambda m, y: F.conv_transpose1d(y[:, 0], m.filters[0].reshape(2, 3, 3).repeat(2, 1, 1)),
        lambda m, y: F.interpolate(y, scale_factor=2),
        lambda m, y: F.interpolate(y, size=(6, 7)),
        lambda m, y: F.interpolate(y, scale_factor=(1.7, 3)),
        lambda m, y: F.interpolate(y, size=(3, 9), mode="nearest-exact"),
        lambda m, y: F.pixel_shuffle(y.reshape(-1, 8, 2, 2), 2),
        lambda m, y: F.pixel_unshuffle(y, 2),
        lambda m, y: F.max_pool2d(y, 3, 2, ceil_mode=True),
        lambda m, y: F.max_pool2d(y, 3, 2, padding=1, ceil_mode=True),
        lambda m, y: F.adaptive_max_pool2d(y, 2),
        lambda m, y: F.avg_pool1d(y[:, 0], 2, 3, ceil_mode=True),
        lambda m, y: F.pad(y, (1, 2, 0, 1), mode="circular"),
        lambda m, y: F.pad(y, (1, 2, 0, 1), mode="reflect"),
        lambda m, y: F.pad(y, (1, 0, 0, 2), mode="replicate"),
        lambda m, y: F.pad(y, (1, -1), value=0.5),
        lambda m, y: F.conv3d(y[:, :1, None], m.filters[:1, :1, None]),
    ),
}


def double_outputs(module, x):
    with torch.no_grad():
        outputs = module.double()(torch.from_numpy(x[None]))
    return np.concatenate([output.double().reshape(-1).numpy() for output in outputs])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::polyregions.io.RoundedDivisionWarning")
@pytest.mark.parametrize("group", GROUPS)
def test_operators(group):
    module = Heads(*GROUPS[group])
    with pytest.warns(JoinedOutputsWarning, match="'0', '1', .*output="):
        network = from_torch(module, input_shape=(4,))
    for x in np.random.default_rng(0).normal(size=(20, 4)):
        np.testing.assert_allclose(network.forward(x), double_outputs(module, x), atol=1e-12)


class After(nn.Module):
    """A function after a Linear."""

    def __init__(self, function, inputs=2, units=3):
        super().__init__()
        torch.manual_seed(6)
        self.linear, self.function = nn.Linear(inputs, units), function

    def forward(self, x):
        return self.function(self.linear(x))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda y: F.threshold(y, 0.0, 1.0), "jumps at 0.0 from 1.0"),
        (F.hardshrink, "jumps"),
        (torch.sign, "it jumps"),
        (torch.round, "it jumps"),
        (lambda y: torch.where(y > 0, y, y + 1), "may jump there"),
        (lambda y: torch.where(y[:, :1] > 0, y, 0.0), "may jump there"),
        (lambda y: torch.where(y > 0, 1.0, 0.0), "may jump there"),
        (lambda y: y.masked_fill(y > 0, 1.0), "may jump there"),
        (lambda y: (y > 0).float() + y, "comparison, which may only choose"),
        (lambda y: (y > 0) * y[:, :1], "may jump there"),
        (lambda y: y * (torch.ones(3) * 0.1 * 0.1), "constants and the result would be rounded"),
        (lambda y: y / torch.ones(3).mul(3).div(7), "constants and the result would be rounded"),
        (lambda y: y * torch.full((3,), 0.75).div(7), "constants and the result would be rounded"),
        (lambda y: y * torch.full((3,), 0.1), "may round the number 0.1"),
        (lambda y: y * torch.full((3,), 2.5, dtype=torch.int64), "may round the number 2.5"),
        (lambda y: y * torch.arange(3).new_full((3,), 2.5), "may round the number 2.5"),
        (lambda y: y * (torch.arange(3) + 299).to(torch.uint8), "rounds a constant"),
        (lambda y: y * (torch.arange(3) / 2 + 0.25).to(torch.int64), "rounds a constant"),
        (lambda y: y * ((torch.arange(3) > 1) + (torch.arange(3) > 0)), "adds truth values"),
        (lambda y: y.type_as(torch.arange(3)).float(), "makes integers|type_as"),
        (lambda y: y @ y.T, "one factor must be a parameter"),
        (lambda y: torch.einsum("bi,bi->b", y, y), "2 of its 2 inputs depend"),
        (lambda y: torch.linalg.vector_norm(y, 2, dim=1), "norms 1 and infinity"),
        (lambda y: y.long().float(), "makes integers"),
        (lambda y: torch.gather(y, 1, y.argmax(1, keepdim=True)), "argmax"),
        (lambda y: y.topk(2).values, "topk"),
        (lambda y: y.cumsum(1), "cumsum"),
        (lambda y: F.pad(y[None], (1, 1), mode="reflect") * y.std(), "std"),
    ],
)
def test_refuses_operators(function, message):
    with pytest.raises(PolyregionsError, match=message):
        from_torch(After(function))


@pytest.mark.parametrize(
    "function",
    [
        lambda y: torch.where(y > 0.25, y, 0.5 * y + 0.125),
        lambda y: F.softshrink(y, 0.25),
        lambda y: y.sort(1).values,
        lambda y: y.max(1).values,
        lambda y: y.amin(1, keepdim=True) + y.abs(),
        lambda y: torch.cat([torch.max(y[:, :1], y[:, 1:2]), torch.min(y[:, :1], y[:, 1:2])], 1),
        lambda y: F.max_pool1d(y, 2, ceil_mode=True),
        F.hardtanh,
    ],
)
def test_regions_are_those_of_brute_force(function):
    module = After(function)
    network = from_torch(module)
    assert network.hidden_units <= 10
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 2.0))
    expected = brute_force(network, pr.Box.cube(2, 2.0))
    assert np.array_equal(regions.patterns, expected.patterns)
    assert np.array_equal(regions.edges, expected.edges)
    for point in regions.witnesses:
        with torch.no_grad():
            value = module.double()(torch.from_numpy(point[None])).numpy().reshape(-1)
        np.testing.assert_allclose(network.forward(point), value, atol=1e-12)
