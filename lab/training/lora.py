"""LoRA: small matrices beside the weights are trained, the weights stay (Hu et al. 2021).

At the end the product of the matrices is added to the weights, so that the result is a plain
Whisper.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from whisper.model import Linear, Whisper

_ALPHA = 2.0  # times the rank: how strongly the matrices count, as is usual


class LoraLinear(nn.Module):
    """A linear layer that stays as it is, and a product of two small matrices beside it."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.down = nn.Parameter(torch.empty(rank, linear.in_features))
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank))  # changes nothing at first
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        added = nn.functional.linear(nn.functional.linear(x, self.down), self.up)
        summed: Tensor = self.linear(x) + _ALPHA * added
        return summed

    def merged(self) -> Tensor:
        """The weight of the plain linear layer that computes the same."""
        return self.linear.weight + _ALPHA * self.up @ self.down


def put_beside(model: Whisper, *, rank: int) -> None:
    """Put matrices of a rank beside each linear layer of the blocks; nothing else is trained."""
    model.requires_grad_(False)
    for block in (*model.encoder.blocks, *model.decoder.blocks):
        for parent in [module for module in block.modules() if not isinstance(module, nn.Linear)]:
            for name, child in list(parent.named_children()):
                if isinstance(child, Linear):
                    setattr(parent, name, LoraLinear(child, rank))


def bare_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a state with LoRA, or without, under Whisper's own names; LoRA left out."""
    return {
        name.replace(".linear.", "."): value
        for name, value in state.items()
        if not name.endswith((".up", ".down"))
    }


def plain_state(model: Whisper) -> dict[str, Tensor]:
    """The weights of `model` under Whisper's own names, on the processor, with LoRA merged."""
    state = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    for name, module in model.named_modules():
        if isinstance(module, LoraLinear):
            del state[f"{name}.down"], state[f"{name}.up"], state[f"{name}.linear.weight"]
            state[f"{name}.weight"] = module.merged().detach().cpu()
            if module.linear.bias is not None:
                state[f"{name}.bias"] = state.pop(f"{name}.linear.bias")
    return state
