"""A client in Python, generated from openapi.yaml as an integrator would have it, by openapi-python-client."""

import importlib
import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
# Files and signed documents, which it can only hand over as they are.
SETTINGS = "content_type_overrides:\n" + "".join(f"  {kind}: {taken}\n" for kind, taken in {
    "application/merge-patch+json": "application/json", "application/jose": "application/octet-stream", "application/pdf": "application/octet-stream",
    "application/yaml": "application/octet-stream", "image/png": "application/octet-stream", "image/svg+xml": "application/octet-stream"}.items())


def generate(directory: Path, document: Path = ROOT / "api-service/openapi.yaml") -> str:
    """Writes the package `em_client`; answers what the generator had to say."""
    (directory / "settings.yaml").write_text(SETTINGS)
    program = [sys.executable, "-m", "openapi_python_client", "generate", "--path", document, "--output-path", directory / "em_client",
               "--meta", "none", "--config", directory / "settings.yaml"]
    # ruff, which tidies what it writes, lies beside the interpreter.
    ran = subprocess.run(program, capture_output=True, text=True, timeout=300,
                         env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(directory), "LANG": "C.UTF-8"})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def load(directory: Path) -> ModuleType:
    """The package with every module of it; raises for the first that can't be imported."""
    package = directory / "em_client"
    for name in [name for name in sys.modules if name.partition(".")[0] == "em_client"]:
        del sys.modules[name]
    spec = importlib.util.spec_from_file_location("em_client", package / "__init__.py", submodule_search_locations=[str(package)])
    module = sys.modules["em_client"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for found in pkgutil.walk_packages([str(package)], "em_client."):
        importlib.import_module(found.name)
    return module
