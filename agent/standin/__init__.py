"""A local stand-in for Gemini's REST service, replaying transcripts."""
