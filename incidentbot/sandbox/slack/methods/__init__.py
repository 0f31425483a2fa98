"""The Web API's methods, one module per family; `web_api.METHODS` lists them all."""
