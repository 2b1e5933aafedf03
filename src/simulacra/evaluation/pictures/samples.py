"""Images of random codes, and what is left of images after encoding and decoding."""

from simulacra.data.batches import to_images
from simulacra.evaluation.pictures.preview import Arrays
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Encodes, Generates

FIXED, SAMPLES = 10, 11  # keys that keep the draws apart, from those of the other pictures too


def fixed(subject: Subject, count: int = 12) -> Arrays | None:
    """The images of the same codes, whenever in a training they are drawn."""
    if not isinstance(subject.objective, Generates):
        return None
    return {"images": subject.decode(subject.codes(count, FIXED))}


def samples(subject: Subject, count: int = 32) -> Arrays | None:
    """Images of random codes; their labels, where there are any, as they occur in the training set."""
    if not isinstance(subject.objective, Generates):
        return None
    codes = subject.codes(count, SAMPLES)
    return {"images": subject.decode(codes), "codes": codes.numpy()}


def reconstructions(subject: Subject, count: int = 10) -> Arrays | None:
    """Test images and what is left of them after encoding and decoding."""
    model = subject.objective
    rows = subject.batches("test", count)
    if not (isinstance(model, Encodes) and isinstance(model, Generates) and rows):
        return None
    images = subject.load(rows[0]).images
    with model.looking():
        return {"originals": to_images(images), "reconstructions": to_images(model.decode(model.encode(images)))}
