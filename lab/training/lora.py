"""LoRA: train low-rank updates of the weights instead of the weights (Hu et al. 2021).

At the end the updates are merged into the weights, so that the result is a plain Whisper.
"""

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from whisper.model import Linear, Whisper

# lora_alpha / rank: how strongly the updates count; 2 is usual.
_SCALING = 2.0


class LoraLinear(nn.Module):
    """A frozen linear layer with a trainable low-rank update."""

    def __init__(self, linear: nn.Linear, *, rank: int) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        # Optimizer states refer to parameters by their order: keep it.
        self.lora_A = nn.Parameter(torch.empty(rank, linear.in_features))
        self.lora_B = nn.Parameter(torch.zeros(linear.out_features, rank))  # no update at first
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        update = nn.functional.linear(nn.functional.linear(x, self.lora_A), self.lora_B)
        output: Tensor = self.linear(x) + _SCALING * update
        return output


def apply_lora(model: Whisper, *, rank: int) -> None:
    """Replace the linear layers of all blocks by `LoraLinear`; all other weights are frozen."""
    model.requires_grad_(False)
    for block in (*model.encoder.blocks, *model.decoder.blocks):
        for parent in [module for module in block.modules() if not isinstance(module, nn.Linear)]:
            for name, child in list(parent.named_children()):
                if isinstance(child, Linear):
                    setattr(parent, name, LoraLinear(child, rank=rank))


def with_current_names(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a checkpoint of any version, under the current parameter names."""
    # Version 0.1 called them down and up.
    return {
        re.sub(r"\.up$", ".lora_B", re.sub(r"\.down$", ".lora_A", name)): value
        for name, value in state_dict.items()
    }


def base_state_dict(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the model without LoRA, under Whisper's own names."""
    return {
        name.replace(".linear.", "."): value
        for name, value in state_dict.items()
        if not name.endswith((".lora_A", ".lora_B"))
    }


def merged_state_dict(model: Whisper) -> dict[str, Tensor]:
    """The weights of `model`, with LoRA merged, under Whisper's own names, on the CPU."""
    state = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    for name, module in model.named_modules():
        if isinstance(module, LoraLinear):
            merged = module.linear.weight + _SCALING * module.lora_B @ module.lora_A
            state[f"{name}.linear.weight"] = merged.detach().cpu()
    return base_state_dict(state)
