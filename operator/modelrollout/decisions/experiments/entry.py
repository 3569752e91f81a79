"""Before an experiment's first weights every candidate must be the declared model and pass the gates, by itself."""

from modelrollout.decisions.admission import GATE_FAILED, admit
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.experiments.arms import take_out, tried
from modelrollout.decisions.record import boundary
from modelrollout.decisions.trial import await_admission, note_model


def admitted(draft: Draft) -> bool:
    """Whether every candidate that is still tried has shown all that it must; who fails a gate is out."""
    for arm in tried(draft.run):
        draft.admission = shown = admit(draft, arm.version)
        note_model(draft, arm.version, shown)
        if shown.failed:
            draft.record.append({**boundary(draft, GATE_FAILED), "version": arm.version})
            take_out(draft, arm, GATE_FAILED, shown.failed)
            draft.say(Reason.GATE_FAILED, f"{arm.version} gets no traffic: {shown.failed}", warning=True)
        elif shown.waits:
            await_admission(draft, shown)
            return False
    return True
