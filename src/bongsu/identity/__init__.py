"""Who somebody is by the word of an OpenID Connect provider; knows neither our users nor our HTTP edge."""
