SELECT * FROM {{ source('lake', 'apps_history') }}
