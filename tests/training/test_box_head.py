import numpy as np
import torch

from pipeline.training.boxes import corners, generalised_iou
from pipeline.training.losses import box_losses
from pipeline.training.models.build import build_model
from tests.training.models.zoo import inputs_of
from tests.training.synthetic import TINY


def test_box_head_learns_where_the_squares_of_four_images_are() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    query = torch.full((4, 3, 64, 64), 200, dtype=torch.uint8)
    target = torch.tensor([[0.25, 0.25, 0.3, 0.3], [0.75, 0.25, 0.2, 0.4], [0.3, 0.7, 0.5, 0.25], [0.7, 0.7, 0.3, 0.3]])
    for image, (x0, y0, x1, y1) in zip(query, (corners(target) * 64).int().tolist(), strict=True):
        image[:, y0:y1, x0:x1] = 20
    views = torch.from_numpy(random.integers(0, 255, (4, 2, 64, 64), dtype=np.uint8))
    xyz = torch.from_numpy(random.normal(size=(4, 2, 8, 8, 3)).astype(np.float32))
    valid = torch.ones(4, 2, 8, 8, dtype=torch.bool)
    inputs = inputs_of(query, torch.full((4, 64, 64), 255, dtype=torch.uint8), views, xyz, valid)
    model = build_model(TINY)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(200):
        box = model(inputs).box
        assert box is not None
        l1, giou = box_losses(box, target, torch.ones(4))
        optimiser.zero_grad()
        (5 * l1 + 2 * giou).backward()
        optimiser.step()
    assert generalised_iou(corners(box.detach()), corners(target)).min() > 0.5
