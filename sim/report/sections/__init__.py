"""The sections of the report, a file each: ``has_data(results)`` and ``build(results)``, listed in the registry."""
