"""Bitfiles by the vendor's tools."""
