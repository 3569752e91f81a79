"""`python -m dev.demo`: the main job on a real cluster, from nothing to a verdict."""

import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from dev import paths, programs
from dev.demo import second, stage, story, table
from dev.demo.outcome import wrong as wrong_ends
from dev.errors import DevError
from dev.kind import kind_cluster
from dev.progress import say
from dev.up import bring_up, cluster_for_tests


@click.command()
@click.option("--name", default=paths.DEFAULT_NAME, show_default=True, help="Which of several clusters.")
@click.option("--cluster", "where", type=click.Choice(["local", "kind"]), default="local", show_default=True)
@click.option("--keep", is_flag=True, help="Leave the cluster up afterwards.")
def demo(name: str, where: str, *, keep: bool) -> None:
    """Promote a better model, take back two worse ones, and say what users noticed."""
    began = time.monotonic()
    with _cluster(name, where, keep=keep) as cluster:
        stage.set_up(cluster)
        print("\nVersion 2 reads more digits rightly. It is to be promoted.\n", flush=True)
        better = story.tell(cluster, "v2")
        print("\nVersion 3 fails on shades it never saw, and misreads more. It is to be taken back.\n", flush=True)
        worse = story.tell(cluster, "v3")
        wrong = list(wrong_ends(better, worse))
        print("\nThe second act: version 4 is quick and never fails, and misreads users of one country.\n", flush=True)
        second.prepare(cluster)
        print("\nOnly labels that come some seconds late can tell. It is to be taken back at 5 %.\n", flush=True)
        unfair = story.tell(cluster, second.VERSION)
        wrong += second.wrong(unfair, _users(cluster, unfair), second.verdicts(cluster, unfair))
        _table(cluster, [better, worse, unfair])
        print(f"The whole demo took {time.monotonic() - began:.0f} s.")
        for sentence in wrong:
            print(f"WRONG: {sentence}")
        if keep:
            _what_next(cluster, name)
    sys.exit(1 if wrong else 0)


@contextmanager
def _cluster(name: str, where: str, *, keep: bool) -> Iterator[stage.Cluster]:
    if where == "kind":
        with kind_cluster(name, keep=keep) as other:
            yield other
    elif keep:
        yield bring_up(name)
    else:
        with cluster_for_tests(name) as cluster:
            yield cluster


def _table(cluster: stage.Cluster, stories: Sequence[story.Story]) -> None:
    print()
    table.show([(one, stage.record(cluster, one.run), _users(cluster, one)) for one in stories])


def _users(cluster: stage.Cluster, one: story.Story) -> stage.Users:
    return stage.users(cluster, one.version, one.asked_at, one.done_at + 1)


def _what_next(cluster: stage.Cluster, name: str) -> None:
    folders = [str(paths.CHECKOUT / ".venv/bin")]
    if shutil.which("kubectl") is None:
        folders.append(str(programs.path_of(programs.KUBECTL).parent))
    print(f"""
The cluster stays up. Try next:
  export KUBECONFIG={cluster.kubeconfig} PATH={":".join(folders)}:$PATH
  kubectl get mro -n digits
  kubectl modelrollout status digits -n digits
  kubectl modelrollout retry digits -n digits --reason "once more"
  kubectl modelrollout status digits -n digits -w
  kubectl modelrollout abort digits -n digits
  kubectl explain modelrollout.spec
and when you are done:
  make down{"" if name == paths.DEFAULT_NAME else f" NAME={name}"}""")


def main() -> None:
    """Run the command line; an error that a person can mend is one sentence and exit code 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        demo()
    except (DevError, TimeoutError) as error:
        say(f"error: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
