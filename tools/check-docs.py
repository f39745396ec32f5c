"""Checks and prepares what tools/build-docs.sh makes of the library Notifier.

undocumented GRAPH…         lists public symbols without a comment; status 1 if there are any
snippets CATALOG FOLDER     writes the Swift of each article to FOLDER/NAMEArticle.swift
topics CATALOG GRAPH…       lists public types that the front page does not mention; status 1 if any
"""

import json
import pathlib
import re
import sys

TYPES = {"swift.class", "swift.struct", "swift.enum", "swift.protocol", "swift.typealias"}


def symbols(paths):
    """The public symbols written here: none that the compiler or another module made."""
    for path in paths:
        graph = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        inherited = {
            edge["source"] for edge in graph["relationships"] if "sourceOrigin" in edge}
        for symbol in graph["symbols"]:
            written = "location" in symbol and "::SYNTHESIZED::" not in symbol["identifier"]["precise"]
            if written and symbol["identifier"]["precise"] not in inherited:
                yield symbol


def undocumented(paths):
    missing = count = 0
    for symbol in symbols(paths):
        count += 1
        if symbol["kind"]["identifier"] == "swift.extension":
            continue
        lines = symbol.get("docComment", {}).get("lines", [])
        if not any(line["text"].strip() for line in lines):
            missing += 1
            place = symbol["location"]
            line = place["position"]["line"] + 1
            print(f"{place['uri'].removeprefix('file://')}:{line}: "
                  f"{'.'.join(symbol['pathComponents'])} has no documentation")
    print(f"{count} public symbols, {missing} without documentation")
    return missing


def snippets(catalog, folder):
    for article in sorted(pathlib.Path(catalog).glob("*.md")):
        source = article.read_text(encoding="utf-8")
        blocks = re.findall(r"^```swift\n(.*?)^```$", source, re.MULTILINE | re.DOTALL)
        if blocks:
            # What the reader has to imagine, in a comment of the article's.
            given = re.findall(r"^<!-- given\n(.*?)^-->$", source, re.MULTILINE | re.DOTALL)
            text = "import Glibc\nimport Notifier\n\n" + "\n".join(given + blocks)
            (pathlib.Path(folder) / f"{article.stem}Article.swift").write_text(text, encoding="utf-8")
    return 0


def topics(catalog, paths):
    page = (pathlib.Path(catalog) / "Notifier.md").read_text(encoding="utf-8")
    named = set(re.findall(r"``([A-Za-z]+)``", page))
    missing = sorted(
        symbol["pathComponents"][0] for symbol in symbols(paths)
        if symbol["kind"]["identifier"] in TYPES and len(symbol["pathComponents"]) == 1
        and symbol["pathComponents"][0] not in named)
    for name in missing:
        print(f"Notifier.md does not mention {name}")
    return len(missing)


command, *arguments = sys.argv[1:]
if command == "undocumented":
    sys.exit(1 if undocumented(arguments) else 0)
if command == "snippets":
    sys.exit(snippets(*arguments))
if command == "topics":
    sys.exit(1 if topics(arguments[0], arguments[1:]) else 0)
sys.exit(__doc__)
