"""Upholstered seats: armchairs, sofas, wing chairs, recliners."""

from __future__ import annotations

import numpy as np
import trimesh

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import BACK_FRAME, POST, SOFT_BACK
from pipeline.shapes.synthetic.curves import Points, filleted, rounded_rectangle, vector
from pipeline.shapes.synthetic.legs import four_legs, leg_maker
from pipeline.shapes.synthetic.members import rod
from pipeline.shapes.synthetic.seats import SOFT_SEAT
from pipeline.shapes.synthetic.solids import pad, placed, sweep
from pipeline.shapes.synthetic.upholstery import (
    SEAT_FRAME,
    ArmStyle,
    block,
    curved,
    cushion,
    short_legs,
    sofa_arm,
)

ARM = "chair_arm#{side}/arm_sofa_style"


def _arm_style(draw: np.random.Generator) -> ArmStyle:
    styles: tuple[ArmStyle, ...] = ("block", "rolled", "flared")
    return styles[draw.integers(3)]


def armchair(draw: np.random.Generator) -> Assembly:
    """One seat between padded arms, on short legs."""
    return _sofa(draw, 1)


def sofa(draw: np.random.Generator) -> Assembly:
    """Two or three seats, each with its cushions; sometimes pillows."""
    return _sofa(draw, int(draw.integers(2, 4)))


def _sofa(draw: np.random.Generator, seats: int) -> Assembly:
    chair = Assembly()
    each, depth = draw.uniform(0.52, 0.6), draw.uniform(0.68, 0.8)
    inner, arm = each * seats, draw.uniform(0.11, 0.17)
    legs, frame, soft = draw.uniform(0.05, 0.14), draw.uniform(0.12, 0.17), draw.uniform(0.13, 0.17)
    deck = legs + frame
    top = deck + soft
    chair.add(SEAT_FRAME, placed(block((inner + 0.04, frame, depth - 0.06), 0.02), (0, legs + frame / 2, 0)))
    arm_high, arm_depth = top + draw.uniform(0.15, 0.24), depth - draw.uniform(0.0, 0.06)
    mesh = sofa_arm(_arm_style(draw), arm, legs - 0.012, arm_high, arm_depth)
    chair.add_pair(ARM, placed(mesh, (inner / 2, 0, (depth - arm_depth) / 2)))
    back_high, pitch = draw.uniform(0.78, 0.95), draw.uniform(0.1, 0.2)
    tall, body = back_high - legs, draw.uniform(0.12, 0.16)
    back = pad(rounded_rectangle(inner + 1.2 * arm, tall, 0.06, 6, 6), body, 0.05, (0.0, 0.0), "back")
    axis = np.array([0.0, np.cos(pitch), -np.sin(pitch)])
    foot = np.array([0.0, legs, -depth / 2 + 0.09])
    chair.add(BACK_FRAME, placed(back, foot + axis * tall / 2, pitch))
    _cushions(chair, draw, (seats, each, soft), foot + vector(0, 0, body / 2), axis, (deck, depth, tall))
    corner_x, corner_z = inner / 2 + 0.3 * arm, depth / 2 - 0.07
    short_legs(chair, draw, ((corner_x, corner_z), (corner_x, -corner_z)), legs)
    return chair


def _cushions(
    chair: Assembly,
    draw: np.random.Generator,
    seating: tuple[int, float, float],
    back_foot: Points,
    axis: Points,
    body: tuple[float, float, float],
) -> None:
    """Seat cushions on the deck, back cushions leaning on the back, perhaps a pillow at each end."""
    (seats, each, soft), (deck, depth, tall) = seating, body
    pitch = float(np.arctan2(-axis[2], axis[1]))
    centres = (np.arange(seats) - (seats - 1) / 2) * each
    thick, crown = draw.uniform(0.1, 0.14), draw.uniform(0.01, 0.03)
    along = (deck + soft - back_foot[1]) / axis[1]
    high = tall - along - draw.uniform(0.0, 0.08)
    for x in centres:
        seat = cushion((each - 0.004, depth - 0.12, soft), crown, radius=0.05, flat_side=True)
        chair.add(SOFT_SEAT, placed(seat, (x, deck + soft / 2 - 0.004, 0.065)))
    for x in centres:
        back = cushion((each - 0.006, high, thick), 1.5 * crown, "back", flat_side=True)
        middle = back_foot + axis * (along + high / 2 - 0.015) + (x, 0, thick / 2 - 0.015)
        chair.add(SOFT_BACK, placed(back, middle, pitch))
    if seats > 1 and draw.random() < 0.6:
        size = draw.uniform(0.36, 0.42)
        pillow = cushion((size, size, 0.05), 0.045, "back", radius=0.03)
        place = back_foot + axis * (along + 0.46 * size) + (centres[-1] + each / 2 - 0.52 * size, 0, thick + 0.055)
        chair.add_pair("chair_seat/pillow", placed(pillow, place, pitch + 0.15, -0.2))


def wing(draw: np.random.Generator) -> Assembly:
    """A high-backed fireside chair: wings beside the head, rolled arms, a headrest roll, visible legs."""
    chair = Assembly()
    inner, arm, depth = draw.uniform(0.5, 0.56), draw.uniform(0.09, 0.12), draw.uniform(0.62, 0.7)
    legs, frame, soft = draw.uniform(0.16, 0.22), 0.12, draw.uniform(0.11, 0.15)
    deck, high, pitch = legs + frame, draw.uniform(1.05, 1.18), draw.uniform(0.12, 0.2)
    chair.add(SEAT_FRAME, placed(block((inner + 0.06, frame, depth), 0.02), (0, legs + frame / 2, 0)))
    seat = cushion((inner, depth - 0.06, soft), 0.02, flat_side=True)
    chair.add(SOFT_SEAT, placed(seat, (0, deck + soft / 2 - 0.004, 0.05)))
    tall, thick = high - deck, draw.uniform(0.11, 0.14)
    axis = np.array([0.0, np.cos(pitch), -np.sin(pitch)])
    foot = np.array([0.0, deck - 0.03, -depth / 2 + 0.1])
    back = cushion((inner + 0.06, tall, thick), 0.025, "back", radius=draw.uniform(0.06, 0.16))
    chair.add(SOFT_BACK, placed(back, foot + axis * tall / 2, pitch))
    arm_high = deck + soft + draw.uniform(0.14, 0.2)
    mesh = sofa_arm("rolled" if draw.random() < 0.6 else "flared", arm, legs + 0.01, arm_high, depth - 0.02)
    chair.add_pair(ARM, placed(mesh, (inner / 2, 0, 0)))
    _wings(chair, draw, inner, foot + axis * (arm_high - foot[1]), axis, tall - (arm_high - foot[1]))
    if draw.random() < 0.6:
        roll = cushion((0.8 * inner, 0.16, 0.07), 0.02, "back")
        chair.add("chair_head/headrest", placed(roll, foot + axis * (tall - 0.14) + (0, 0, thick / 2 + 0.035), pitch))
    maker = leg_maker(draw, ("turned", "vase", "square"), draw.uniform(0.042, 0.05))
    corner = inner / 2 + 0.3 * arm - 0.01
    four_legs(chair, maker, (corner, depth / 2 - 0.05), (corner, -depth / 2 + 0.05), legs + 0.02, (0.01, 0.01, 0.05))
    return chair


def _wings(chair: Assembly, draw: np.random.Generator, inner: float, root: Points, axis: Points, tall: float) -> None:
    """Upright ears at both edges of the back, from the arms to near its top, bulging forward."""
    reach, turn = draw.uniform(0.17, 0.23), draw.uniform(0.0, 0.2)
    y = np.linspace(0, 1, 15)
    bulge = reach * (0.55 + 0.45 * np.sin(np.pi * y**1.3)) * np.where(y > 0.9, 0.85, 1.0)
    front = np.stack([bulge, (y - 0.5) * (tall + 0.12)], axis=1)
    rear = np.stack([np.full(15, -0.05), (y[::-1] - 0.5) * (tall + 0.12)], axis=1)
    outline = np.concatenate([front, rear]) - (0.25 * reach, 0.0)
    # The panel is built facing +Z with the wing's reach along x, then turned so that x points forward.
    ear = placed(pad(outline, 0.06, 0.026, (0.004, 0.004), "back"), (0, 0, 0), 0.0, -np.pi / 2 + turn)
    middle = root + axis * (tall / 2 - 0.06) + (inner / 2 + 0.015, 0, 0.25 * reach + 0.02)
    chair.add_pair(POST, placed(ear, middle, float(np.arctan2(-axis[2], axis[1]))))


def recliner(draw: np.random.Generator) -> Assembly:
    """A reclined armchair whose footrest is folded out on its linkage."""
    chair = Assembly()
    inner, arm, depth = draw.uniform(0.52, 0.58), draw.uniform(0.14, 0.18), draw.uniform(0.74, 0.82)
    deck, soft, pitch = draw.uniform(0.24, 0.28), draw.uniform(0.14, 0.18), draw.uniform(0.4, 0.6)
    chair.add(SEAT_FRAME, placed(block((inner + 0.04, deck - 0.07, depth - 0.06), 0.025), (0, deck / 2 + 0.035, 0)))
    seat = placed(cushion((inner, depth - 0.08, soft), 0.025, flat_side=True), (0, 0, 0), -0.06)
    chair.add(SOFT_SEAT, placed(seat, (0, deck + soft / 2 - 0.002, 0.06)))
    mesh = sofa_arm(
        "block" if draw.random() < 0.5 else "rolled", arm, 0.06, deck + soft + draw.uniform(0.12, 0.18), depth
    )
    chair.add_pair(ARM, placed(mesh, (inner / 2, 0, 0)))
    axis = np.array([0.0, np.cos(pitch), -np.sin(pitch)])
    root = np.array([0.0, deck + 0.06, -depth / 2 + 0.13])
    segments, tall = int(draw.integers(2, 4)), draw.uniform(0.62, 0.72)
    each = tall / segments
    chair.add(
        BACK_FRAME, placed(block((inner + 0.02, tall + 0.02, 0.08), 0.03), root + axis * tall / 2 - (0, 0, 0.06), pitch)
    )
    rolls: list[trimesh.Trimesh] = []
    for i in range(segments):
        roll = cushion((inner, each + 0.012, 0.1), 0.03, "back", flat_side=True)
        rolls.append(placed(roll, root + axis * (each * (i + 0.5)) + (0, 0, 0.02), pitch))
    chair.add(SOFT_BACK, *rolls)
    head = curved(cushion((0.86 * inner, 0.19, 0.08), 0.02, "back"), inner / 2, 0.02)
    chair.add("chair_head/headrest", placed(head, root + axis * (tall - 0.09) + (0, 0.04, 0.085), pitch))
    _footrest(chair, draw, inner, deck + 0.5 * soft, depth / 2)
    short_legs(chair, draw, ((inner / 2 + arm / 2, depth / 2 - 0.1), (inner / 2 + arm / 2, -depth / 2 + 0.1)), 0.065)
    return chair


def _footrest(chair: Assembly, draw: np.random.Generator, inner: float, level: float, front: float) -> None:
    """A pad in front of the seat, carried by two bent bars from inside the seat's frame."""
    reach, length = draw.uniform(0.06, 0.12), draw.uniform(0.3, 0.38)
    leg_rest = cushion((inner - 0.02, length, 0.08), 0.02, flat_side=True)
    middle = np.array([0.0, level - 0.01, front + reach + length / 2])
    chair.add("footrest/chair_seat/seat_surface", placed(leg_rest, middle, 0.12))
    x = 0.3 * inner
    path = filleted(
        [(x, level - 0.12, front - 0.15), (x, level - 0.09, front + 0.5 * reach), middle + vector(x, -0.035, 0.0)], 0.05
    )
    arm = sweep(path, rounded_rectangle(0.012, 0.03, 0.004), up=(0, 1, 0), bevel=0.003)
    chair.add_pair("footrest/chair_base#{side}", arm)
    brace = rod((x, level - 0.085, front + 0.4 * reach), (-x, level - 0.085, front + 0.4 * reach), 0.008)
    chair.add("footrest/chair_base#brace", brace)
