"""Requirements of training on the twin, beyond the runtime's values; `twin.check` runs these checks."""

import torch
import torch.nn.functional as F

from .code_vectors import CodeVectors
from .config import FRAMES_PER_TOP_CODE, Config, LogMelConfig
from .deeptalk import DeepTalk
from .layers import stack_frames
from .log_mel import LogMel
from .quantize import EmaQuantizer, QuantizedPrior


def failures() -> list[str]:
    """The failed requirements, in sentences."""
    claims = [
        configurations_survive_json,
        the_fft_gives_what_the_stored_basis_gives,
        a_prior_learns_to_say_motions_again,
        a_dead_code_comes_back,
        what_is_seen_in_a_motion_reaches_the_speech,
        the_likeliest_code_is_the_one_nearest_to_the_vector,
        bfloat16_stays_near,
    ]
    wrong = []
    for claim in claims:
        torch.manual_seed(0)
        sentence = claim.__name__.replace("_", " ")
        print(sentence, flush=True)
        if (found := claim()) is not None:
            wrong.append(f"{sentence}: {found}")
    return wrong


def configurations_survive_json():
    for config in [Config.tiny(), Config.base(), Config.default()]:
        if Config.from_json(config.to_json()) != config:
            return config
    return None


def the_fft_gives_what_the_stored_basis_gives():
    samples = torch.randn(2, 6400)
    for sizes in [LogMelConfig(320, 160, 512, 80), LogMelConfig(640, 320, 1024, 80)]:
        log_mel = LogMel(sizes)
        difference = (log_mel.train()(samples) - log_mel.eval()(samples)).abs().max()
        if difference > 1e-4:
            return float(difference)
    return None


def a_prior_learns_to_say_motions_again():
    config = Config.tiny()
    prior = DeepTalk(config, dropout=0.0).motion_prior
    quantized = QuantizedPrior(prior, warm_up_rows=200)
    optimizer = torch.optim.Adam(prior.parameters(), 2e-3)
    phases = torch.rand(8, 1, config.parameters) * 6
    motion = torch.sin(torch.arange(32)[None, :, None] / 4 + phases)
    errors = []
    for _ in range(150):
        again, commitment = quantized(motion)
        error = F.mse_loss(again, motion)
        optimizer.zero_grad()
        (error + 0.25 * commitment).backward()
        optimizer.step()
        errors.append(error.item())
    prior.eval()
    with torch.no_grad():
        again, codes = prior.reconstruct(motion)
        decoded = prior.decode(codes)
    error, used = F.mse_loss(again, motion).item(), quantized.bottom.perplexity()
    if not (quantized.top.ready and quantized.bottom.ready and error < 0.5 * errors[0] and used > 4):
        return f"{errors[0]} to {error}, {used} codes in use"
    if (again - decoded).abs().max() > 1e-4:
        return "codes and vectors are decoded differently"
    return None


def a_dead_code_comes_back():
    prior = DeepTalk(Config.tiny()).motion_prior
    quantizer = EmaQuantizer(prior, "codebook_t", warm_up_rows=256)
    rows = torch.randn(1, 256, 16)
    quantizer(rows)
    prior.codebook_t[5] = 100
    quantizer.counts[5], quantizer.sums[5] = 0, 0
    quantizer(rows)
    distance = (rows[0] - prior.codebook_t[5]).norm(dim=-1).min()
    return None if distance < 0.1 else f"at a distance of {distance}"


def what_is_seen_in_a_motion_reaches_the_speech():
    model = DeepTalk(Config.default())
    prior = model.motion_prior.eval().requires_grad_(False)
    speech = torch.randn(2, 640 * 16)
    features = model.predictor.frame_features(model.content(speech), torch.zeros(2, 64))
    tops = CodeVectors(model.predictor.top, prior.codebook_t)
    top, _ = tops.snapped(tops(stack_frames(features, FRAMES_PER_TOP_CODE)))
    prior.decode_vectors(top, torch.zeros(2, 8, prior.codebook_b.shape[1])).square().mean().backward()
    still = [name for name, p in model.content.named_parameters() if p.grad is None or not p.grad.any()]
    return still or None


def the_likeliest_code_is_the_one_nearest_to_the_vector():
    model = DeepTalk(Config.default(), dropout=0.0)
    vectors = CodeVectors(model.predictor.top, model.motion_prior.codebook_t)
    features = torch.randn(2, 16, model.config.predictor.features)
    found = vectors(stack_frames(features, FRAMES_PER_TOP_CODE))
    nearest = vectors.snapped(found)[1]
    vectors.fold()
    logits = model.predictor.logits_top(features)
    if not torch.equal(logits.argmax(-1), nearest):
        return "other codes"
    difference = (logits - vectors.logits(found)).abs().max()
    if difference > 1e-3:
        return f"logits {difference} apart"
    again = CodeVectors.unfolded(model.predictor.top, model.motion_prior.codebook_t)
    apart = (again(stack_frames(features, FRAMES_PER_TOP_CODE)) - found).abs().max()
    return None if apart < 1e-2 * found.abs().max() else f"vectors {apart} apart after they were folded and unfolded"


def bfloat16_stays_near():
    model = DeepTalk(Config.default(), dropout=0.0)
    speech = torch.randn(2, 640 * 16)
    exact = model.content(speech)
    with torch.autocast("cpu", torch.bfloat16):
        near = model.content(speech)
        model.emotion_of(speech).mu.sum().backward()
        prior, motion = model.motion_prior, torch.randn(2, 16, 53)
        prior(motion, EmaQuantizer(prior, "codebook_t"), None)[0].sum().backward()
    error = ((near - exact).norm() / exact.norm()).item()
    return None if error < 0.03 else error
