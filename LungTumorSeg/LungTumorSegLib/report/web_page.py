"""What every web page of ours begins and ends with; nothing is loaded from elsewhere."""

from __future__ import annotations


def web_page(title: str, style: str, body: str) -> str:
    """The whole file. title : shown as it is; style : CSS; body : what stands inside the body element."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
