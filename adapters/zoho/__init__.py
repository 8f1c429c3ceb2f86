"""Zoho CRM, API version 8."""
