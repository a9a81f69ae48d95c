// gazetteer builder
