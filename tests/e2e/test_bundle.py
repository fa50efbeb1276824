"""What is deployed: the zips that Lambda got, no larger than they may be, with nothing that never runs."""

from __future__ import annotations

import re
import zipfile

from deploy import pruning
from deploy.functions import FUNCTIONS, Names
from local.stack import Stack

# Of the layer and the app's own files together, as bytes: what they are, and a little more.
MOST_BYTES = 3_200_000
# What Chalice puts beside the app: its own runtime part.
OWN = re.compile(r"(app\.py|chalicelib/.*\.(py|js|css|html|svg)|chalice/[\w/]*\.py|chalice/\w+\.json)")
PACKAGES = {"PIL", "aws_lambda_powertools", "jmespath", "pillow.libs", "typing_extensions.py"}


def test_what_is_deployed_is_small_and_holds_only_what_runs(stack: Stack) -> None:
    deployments = stack.app_directory / ".chalice" / "deployments"
    [layer] = deployments.glob("managed-layer-*.zip")
    [own] = deployments.glob("appcode-*.zip")
    assert layer.stat().st_size + own.stat().st_size <= MOST_BYTES
    with zipfile.ZipFile(own) as package:
        assert [name for name in package.namelist() if not OWN.fullmatch(name)] == []
    with zipfile.ZipFile(layer) as package:
        names = [name.partition("/site-packages/")[2] for name in package.namelist()]
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == PACKAGES
    assert [n for n in names if not pruning.is_kept(n) and not n.startswith("pillow.libs/")] == []
    # And it is these that Lambda has.
    lambda_ = stack.client("lambda")
    stage = Names(stack.deployment.stage)
    for function in FUNCTIONS:
        configuration = lambda_.get_function_configuration(FunctionName=stage.function(function))
        [of_function] = configuration["Layers"]
        version = lambda_.get_layer_version_by_arn(Arn=of_function["Arn"])
        assert version["Content"]["CodeSize"] == layer.stat().st_size
        assert configuration["CodeSize"] == own.stat().st_size
