"""When an installation's own space takes over from the one that ships with the package."""

from __future__ import annotations

from ranking.vectors import Space

HAND_OVER = 1_000


def choose_space(bundled: Space, own: Space | None) -> Space:
    """Return the better basis: ``own`` once it was fitted on ``HAND_OVER`` papers.

    Measured with ``ranking.evaluate.hand_over`` (one draw a profile, spaces fitted on the first
    papers of the file, pools whole); MAP at k = 0, 1, 5, 10:

    ==========  =======================  =======================  =======================
    papers      cacm                     srmix                    mllists_dev
    ==========  =======================  =======================  =======================
    bundled     .283 .301 .379 .395      .206 .267 .324 .337      .410 .435 .444 .429
    200         .235 .271 .368 .381      .197 .260 .305 .332      .400 .424 .424 .417
    500         .254 .280 .367 .402      .203 .280 .308 .344      .397 .424 .432 .424
    1,000       .267 .291 .376 .399      .205 .275 .313 .348      .407 .437 .446 .434
    2,000       .312 .329 .420 .442      .199 .275 .315 .350      .403 .430 .432 .418
    all         .324 .342 .438 .458      .214 .292 .357 .367      .430 .448 .460 .445
    ==========  =======================  =======================  =======================

    On cohen an own space leads from 200 papers on where there are votes (k = 10: .411 bundled,
    .437 from 200, .441 from 1,000). Up to 500 papers the bundled space is ahead on average, at
    1,000 the two are level, above it the own one pulls away.
    """
    return own if own is not None and own.size >= HAND_OVER else bundled


def due_for_fit(documents: int, fitted_on: int = 0) -> bool:
    """Tell whether to fit a space on the installation's ``documents`` papers.

    First at ``HAND_OVER``, then each time the papers have doubled: word weights and directions
    hardly move in between, and a match means the same for as long as the space stays.
    """
    return documents >= max(HAND_OVER, 2 * fitted_on)
