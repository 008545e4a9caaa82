"""The cohorts that are known, by the name of their command."""

from __future__ import annotations

from ricenet_v2.ingest.cohorts.brain_tr_gammaknife import BRAIN_TR_GAMMAKNIFE
from ricenet_v2.ingest.cohorts.burdenko import BURDENKO
from ricenet_v2.ingest.cohorts.cfb_gbm import CFB_GBM
from ricenet_v2.ingest.cohorts.lumiere import LUMIERE
from ricenet_v2.ingest.cohorts.record import Cohort
from ricenet_v2.ingest.cohorts.ucsd_ptgbm import UCSD_PTGBM

COHORTS: dict[str, Cohort] = {
    cohort.name: cohort for cohort in (CFB_GBM, BRAIN_TR_GAMMAKNIFE, BURDENKO, LUMIERE, UCSD_PTGBM)
}
