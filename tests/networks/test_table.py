import torch
from torch import nn

from simulacra.networks import Row, layer_table, output_shape

STATEFUL = nn.Sequential(
    nn.Conv2d(3, 4, (2, 3)), nn.Sequential(nn.BatchNorm2d(4), nn.Dropout(0.5)), nn.Flatten(), nn.Linear(24, 2)
)


def test_a_table_has_a_row_for_every_layer() -> None:
    assert layer_table(STATEFUL, 3, 4, 4) == [
        Row("Conv2d k2x3 s1 p0", (4, 3, 2), 76),
        Row("BatchNorm2d", (4, 3, 2), 8),
        Row("Dropout 0.5", (4, 3, 2), 0),
        Row("Flatten", (24,), 0),
        Row("Linear", (2,), 50),
    ]


def test_the_rows_add_up_to_the_network() -> None:
    rows = layer_table(STATEFUL, 3, 4, 4)
    assert sum(row.parameters for row in rows) == sum(parameter.numel() for parameter in STATEFUL.parameters())


def test_looking_at_shapes_draws_nothing_and_changes_nothing() -> None:
    torch.manual_seed(0)
    generator = torch.get_rng_state()
    state = {name: tensor.clone() for name, tensor in STATEFUL.state_dict().items()}
    assert output_shape(STATEFUL, 3, 4, 4) == (2,)
    layer_table(STATEFUL, 3, 4, 4)
    assert torch.equal(torch.get_rng_state(), generator)
    assert STATEFUL.training
    assert all(torch.equal(tensor, state[name]) for name, tensor in STATEFUL.state_dict().items())
    assert all(parameter.device.type == "cpu" for parameter in STATEFUL.parameters())


def test_one_value_a_channel_is_enough() -> None:
    assert output_shape(nn.Sequential(nn.Conv2d(1, 2, 4), nn.BatchNorm2d(2)), 1, 4, 4) == (2, 1, 1)
