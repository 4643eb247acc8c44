"""Hair (first port)."""
import numpy as np

from . import remesh as M
from .distance import gradient, project
from .part import Part
from .proportions import HAIR, SKIN, smoothstep as ss
from .rings import compact
from .sculpt import head as skin_sdf


class S:
    head = staticmethod(skin_sdf)


HAIRLINE = np.array([[1.2, 1.3], [.92, 1.02], [.72, .80], [.60, .655], [.48, .56], [.34, .47], [.20, .375], [.08, .30], [-.03, .21], [-.10, .12], [-.16, -.04], [-.26, -.16], [-.45, -.22], [-.8, -.25]])[::-1]
def hair_t(P, detail=True):
    x, y, z = P[..., 0], P[..., 1], P[..., 2]; f = np.interp(y, HAIRLINE[:, 0], HAIRLINE[:, 1])-z
    ax = np.abs(x); f = np.minimum(f, .9*(y+.66)+.10*ax); f = np.minimum(f, .20*(np.sqrt(((y+.05)/.27)**2+((z+.07)/.19)**2)-1)+2.*ss(.45, .2, ax))
    sx = x+.20 if detail else ax                              # side parting on the subject's right
    top = ss(.35, .95, y)
    T = .075+.055*top+.075*np.exp(-((z-.62)/.30)**2)*top-.035*ss(.2, -.5, y)
    if detail:
        part = np.exp(-(sx/.07)**2)*ss(.45, .8, y)*ss(-.45, .0, z); T = T-.055*part+.045*np.exp(-((x-.12)/.30)**2)*np.exp(-((z-.70)/.28)**2)*top
        th = np.arctan2(y-.30, sx); ph = 10.5*th+2.6*z+1.2*np.sin(2.2*z+2*th)
        w = np.abs(np.sin(ph))**.7-.6; T = T+.030*w*ss(.0, .12, f)*(1-.75*part)
    return np.where(f > 0, T*ss(.0, .16, f)**.75, -.35*np.minimum(-f, .3))-.012, f
def build():
    sdf0 = lambda P: S.head(P)-hair_t(P*np.array([1, 1, 1.]), False)[0]
    lo, hi = (-.15, -.9, -1.4), (1.15, 1.5, 1.35)
    V, F = M.dense_mesh(sdf0, lo, hi, .032, 1); hs = lambda P: np.full(len(P), .079)
    t, f = hair_t(V, False); dead = f < -.06
    C = M.midline(sdf0, lo, hi); C = C[hair_t(C, False)[1] > -.06]; k = np.argmax(np.linalg.norm(C-np.roll(C, 1, 0), axis=1)); C = np.roll(C, -k, 0)
    mid = M.resample(C, hs); mid[:, 0] = 0
    P, T, mir = M.symmetric_mesh(sdf0, V, F[~dead[F].any(1)], hs, mid, dead, seed=1, relaxations=10); T = np.concatenate([T, mir[T][:, ::-1]])
    t, f = hair_t(P, False); T = T[(f > -.05)[T].all(1)]
    u, inv = np.unique(T, return_inverse=True); V, F = P[u], inv.reshape(-1, 3)
    E = np.sort(np.concatenate([F[:, [0, 1]], F[:, [1, 2]], F[:, [2, 0]]]), 1); U, cnt = np.unique(E, axis=0, return_counts=True); bd = np.unique(U[cnt == 1])
    fh = lambda Q: hair_t(Q, False)[1]
    Q = V[bd]
    for _ in range(6):       # border vertices slide to a constant level of the hairline field, just under the skin
        gr = gradient(fh, Q); st = ((fh(Q)+.022)/np.maximum((gr*gr).sum(1), .05))[:, None]*gr; Q = Q-np.clip(st, -.03, .03)
        Q = project(lambda X: S.head(X)-.014, Q, 1)
    nb = {}
    V[bd] = Q
    for _ in range(8):
        acc = np.zeros_like(V); k = np.zeros(len(V))
        for a, b in ((0, 1), (1, 0)):
            e = U[cnt == 1]; np.add.at(acc, e[:, a], V[e[:, b]]); np.add.at(k, e[:, a], 1)
        V[bd] = .5*V[bd]+.5*acc[bd]/k[bd][:, None]
    V[bd] = project(lambda X: S.head(X)-.014, V[bd], 2)
    t, f = hair_t(V, False); isb = np.zeros(len(V), bool); isb[bd] = True
    ng = (f < 0) & ~isb; V[ng] = project(lambda X: S.head(X)-.016, V[ng], 2)
    sdf1 = lambda Q: S.head(Q)-np.maximum(hair_t(Q, True)[0], .024)
    fin = (f >= 0) & ~isb; Q = V.copy()
    for _ in range(4):       # move along the gradient of the head SDF, which is smooth
        gr = gradient(S.head, Q); Q -= (sdf1(Q)/np.maximum((gr*gr).sum(1), .2))[:, None]*gr*.8
    V = np.where(fin[:, None], Q, V)
    t1, f = hair_t(V, True); t0, _ = hair_t(V, False)
    sh = np.clip((t1-t0)/.03, -1.2, 1); C = HAIR*(1+.32*sh)[:, None]
    C[isb] = .62*HAIR+.38*SKIN*.8                             # softer hairline
    # skirt: the open border is extruded into the skin
    De = np.concatenate([F[:, [0, 1]], F[:, [1, 2]], F[:, [2, 0]]]); key = np.sort(De, 1); _, inv, cn = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    De = De[cn[inv.ravel()] == 1]; new = np.full(len(V), -1); new[bd] = len(V)+np.arange(len(bd))
    V = np.concatenate([V, project(lambda X: S.head(X)+.03, V[bd], 2)]); C = np.concatenate([C, C[bd]*.9])
    F = np.concatenate([F, np.stack([De[:, 1], De[:, 0], new[De[:, 0]]], 1), np.stack([De[:, 1], new[De[:, 0]], new[De[:, 1]]], 1)])
    return Part('hair', V, F, C, np.full(len(V), .33))
