"""Models as files of audio plug-ins: neural-amp-modeler's ``.nam`` and RTNeural's JSON, which AIDA-X reads."""
