"""The sections about the set-up of a training."""

from typing import Any


def test_the_recipe_shows_what_differs_from_the_defaults_and_from_the_shipped_one(written: Any) -> None:
    changed = written.table("key", "value", "default")
    assert changed["optimizer.betas"] == ["0.5, 0.999", "0.9, 0.999"]
    assert "optimizer.lr" not in changed
    assert written.table("key", "here", "in celeba-dcgan-bn") == {"steps": ["2,000", "31,300"]}
    assert "simulacra train celeba-dcgan-bn" in written.sections["Recipe"]


def test_networks_are_tables_with_their_sums(written: Any) -> None:
    assert written.table("player", "networks that it updates")["discriminator"] == ["discriminator", "11,264"]
    assert written.table("layer", "output shape")["total"] == ["", "11,264"]
