"""Train a recogniser: ``python -m training.train --lesson labels --fonts FOLDER --work FOLDER``; see README.md.

Draws the shards that are not there yet, trains with one thread, writes a checkpoint after each shard and an ONNX file after
a few, and goes on from the last checkpoint when it is started again.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import ctc_loss

from training.crops import Fonts
from training.dataset import SHARD, Shard, classes_of, draw_shards, load
from training.lessons import Lesson, lesson
from training.network import FRAME, Network, export
from training.recipe import fonts, fonts_digest

_BATCH = 96
_STEP = 32  # pixels; widths are rounded up to a multiple
_PEAK = 3e-3  # learning rate
_WARM = 400  # steps


def batches(shard: Shard, rng: random.Random) -> Iterator[tuple[NDArray[np.uint8], list[str]]]:
    """The lines of a shard, (lines, 1, height, width) with their texts, lines of about one width together, in random order.

    What is right of a line is paper; there is more of it at random, and the line begins some pixels later.
    """
    widths = shard.widths()
    rooms: dict[int, list[int]] = {}
    for index, width in enumerate(widths):
        spare = rng.choice((0, 0, 0, 4, 16))
        rooms.setdefault(-(-int(width + spare) // _STEP) * _STEP, []).append(index)
    made = []
    for room, members in sorted(rooms.items()):
        rng.shuffle(members)
        made += [(room, members[at : at + _BATCH]) for at in range(0, len(members), _BATCH)]
    rng.shuffle(made)
    for room, members in made:
        pixels = np.zeros((len(members), 1, shard.pixels.shape[0], room), np.uint8)
        for slot, index in enumerate(members):
            line = shard.line(index)
            at = rng.randint(0, min(3, room - line.shape[1]))
            pixels[slot, 0, :, at : at + line.shape[1]] = line
        yield pixels, [shard.targets[index] for index in members]


def _loss(network: Network, pixels: NDArray[np.uint8], texts: Sequence[str], alphabet: str) -> torch.Tensor:
    lines = (torch.from_numpy(pixels).float() / 255).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        frames = network(lines)
    targets = [classes_of(text, alphabet) for text in texts]
    return ctc_loss(
        frames.float().transpose(0, 1),
        torch.tensor([c for target in targets for c in target], dtype=torch.long),
        torch.full((len(texts),), pixels.shape[3] // FRAME, dtype=torch.long),
        torch.tensor([len(target) for target in targets], dtype=torch.long),
        zero_infinity=True,
    )


def right_share(network: Network, shard: Shard, alphabet: str, most: int = 400) -> float:
    """The share of lines whose best path is their text."""
    network.eval()
    right = 0
    with torch.no_grad():
        for index in range(most):
            line = torch.from_numpy(shard.line(index).copy()).float()[None, None] / 255
            spare = -line.shape[3] % _STEP
            best = network(torch.nn.functional.pad(line, (0, spare)))[0].argmax(1).tolist()
            said = "".join(alphabet[c - 1] for i, c in enumerate(best) if c and (i == 0 or best[i - 1] != c))
            right += said == shard.targets[index]
    network.train()
    return right / most


def train(
    about: Lesson,
    work: Path,
    train_paths: Sequence[Path],
    watch: dict[str, Shard],
    *,
    passes: int,
    seed: int,
    metadata: dict[str, str],
    until: int | None = None,
) -> Network:
    """The network after ``passes`` passes over the shards, or after ``until`` shards; ``work`` keeps checkpoints."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    network = Network(len(about.alphabet) + 1, about.channels).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_PEAK, weight_decay=1e-2)
    # a shard makes a few batches more than its lines fill, since widths are apart
    total = passes * len(train_paths) * (SHARD // _BATCH + 6)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / _WARM, max(0.01, 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))))
    )
    checkpoint, model = work / f"checkpoint-{about.name}.pt", work / f"{about.name}.onnx"
    done = 0
    if checkpoint.is_file():
        state = torch.load(checkpoint)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        done = state["done"]
    for turn in range(done, passes * len(train_paths) if until is None else until):
        rng = random.Random(f"{seed}/{turn}")
        torch.manual_seed(rng.getrandbits(62))  # for what is dropped, also after a stop
        start, losses = time.monotonic(), []
        while not (path := train_paths[turn % len(train_paths)]).is_file():
            time.sleep(2)  # another process draws it
        for pixels, texts in batches(load(path), rng):
            loss = _loss(network, pixels, texts, about.alphabet)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        torch.save(
            {
                "network": network.state_dict(),
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
                "done": turn + 1,
            },
            checkpoint,
        )
        shares = ""
        if turn % 5 == 4:
            export_at(network, model, metadata, is_half=about.is_half)
            shares = " ".join(f"{name} {100 * right_share(network, shard, about.alphabet):.2f}" for name, shard in watch.items())
        seconds = time.monotonic() - start
        print(f"shard {turn}: loss {np.mean(losses):.4f} {seconds:.0f} s lr {schedule.get_last_lr()[0]:.5f} {shares}", flush=True)  # noqa: T201
    export_at(network, model, metadata, is_half=about.is_half)
    return network


def export_at(network: Network, path: Path, metadata: dict[str, str], *, is_half: bool) -> None:
    """Write the network as it is now, to be read while training goes on."""
    network.eval()
    part = path.with_suffix(".part")
    export(network, part, metadata, is_half=is_half)
    part.replace(path)
    network.train()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--lesson", choices=("numbers", "labels"), default="numbers")
    parser.add_argument(
        "--fonts", type=Path, nargs="+", default=[Path("/usr/share/fonts")], help="folders with the fonts of the recipe"
    )
    parser.add_argument("--work", type=Path, default=Path("training/work"), help="shards, checkpoint and model")
    parser.add_argument("--shards", type=int, help="22 for numbers, 24 for labels")
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until", type=int, help="end after this many shards, before the passes are over")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    parser.add_argument("--drawn-elsewhere", action="store_true", help="wait for shards instead of drawing them")
    given = parser.parse_args()
    known = Fonts(fonts("chinese", given.fonts), fonts("latin", given.fonts))
    about = lesson(given.lesson)
    count = given.shards or {"numbers": 22, "labels": 24}[about.name]
    apart = fonts("held_out", given.fonts)
    shards = given.work / "shards"
    seen = draw_shards(shards, about, "watch", [0], known, count=2000)
    held = draw_shards(shards, about, "held", [0, 1], Fonts(apart[:2], apart))
    paths = [shards / f"train{about.edition}-{number:04}.npz" for number in range(count)]
    if not given.drawn_elsewhere:
        paths = draw_shards(shards, about, "train", range(count), known, workers=given.workers)
    metadata = {
        "alphabet": about.alphabet,
        "fonts": fonts_digest([*known.chinese, *known.latin]),
        "made": f"seed {given.seed}, {count} shards of {SHARD}, {given.passes} passes"
        + (f", until {given.until}" if given.until else ""),
    }
    watch = {"seen fonts": load(seen[0]), "held-out fonts": load(held[0])}
    train(about, given.work, paths, watch, passes=given.passes, seed=given.seed, metadata=metadata, until=given.until)


if __name__ == "__main__":
    main()
