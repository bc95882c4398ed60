"""`python -m training.models.symbol_statistics` writes standardisation.json, which is shipped; see `fitting.py`."""

from radioml.files import write_text
from training.models.symbol_statistics.fitting import shipped
from training.models.symbol_statistics.standardisation import STANDARDISATION

if __name__ == "__main__":
    lines = [f'"{name}": {constants}' for name, constants in shipped().items()]
    write_text(STANDARDISATION, "{\n" + ",\n".join(lines) + "\n}\n")
