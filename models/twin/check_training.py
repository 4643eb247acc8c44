"""What training needs of the twin beyond the runtime's numbers; `twin.check` runs it."""

import torch
import torch.nn.functional as F

from .config import Config, LogMelConfig
from .deeptalk import DeepTalk
from .log_mel import LogMel
from .quantize import EmaQuantizer, QuantizedPrior, straight_through


def failures() -> list[str]:
    """What does not hold, in sentences."""
    claims = [
        configurations_survive_json,
        the_fft_gives_what_the_stored_basis_gives,
        a_prior_learns_to_say_motions_again,
        a_dead_code_comes_back,
        what_is_seen_in_a_motion_reaches_the_speech,
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
        soft = prior.decode_soft(*(F.one_hot(c, n).float() for c, n in zip(codes, (32, 48), strict=True)))
    error, used = F.mse_loss(again, motion).item(), quantized.bottom.perplexity()
    if not (quantized.top.ready and quantized.bottom.ready and error < 0.5 * errors[0] and used > 4):
        return f"{errors[0]} to {error}, {used} codes in use"
    if max((again - decoded).abs().max(), (again - soft).abs().max()) > 1e-4:
        return "codes, probabilities and vectors are decoded differently"
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
    top = straight_through(model.predictor.logits_top(features), noise=True)
    bottom = straight_through(model.predictor.logits_bottom(features, top, prior))
    prior.decode_soft(top, bottom).square().mean().backward()
    still = [name for name, p in model.content.named_parameters() if p.grad is None or not p.grad.any()]
    return still or None


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
